// Package syntax reads the weights and embeddings that people write into prompts, as ComfyUI reads them.
//
//   - (text) multiplies the weight of what it holds by 1.1, ((text)) by 1.21; (text:1.3) sets it to 1.3, whatever is around it.
//   - \( and \) are parentheses of the text itself.
//   - embedding:name, at the beginning or after a space or a line's end, stands for vectors from a file.
//   - All else is text: [text], <lora:name:0.8>, BREAK and {a|b} too. Unread names these for the user.
//
// Parentheses that do not match are text where ComfyUI leaves them as text, and open a weight where it has them open one.
package syntax
