// Package family is the one list of kinds of models that can be run: Stable Diffusion 1, 2, XL and 3. A Family is a value: the
// signs that tell it, its parts and where they lie, the names that its tensors have in single files, what σ and t mean to it, how its
// text is put together. Supporting a kind of model is adding a value to the list, and a backbone where there is none for it.
//
// Whatever the layout on disk, tensors have diffusers' names from here on, and a family is told by names and shapes of tensors, never
// by a file's name.
package family
