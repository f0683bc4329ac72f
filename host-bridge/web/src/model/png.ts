// The text chunks of a PNG: ComfyUI and isac-host write the workflow into their pictures.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** The texts of a PNG by keyword; nothing where the bytes are no PNG. Compressed texts are skipped: nobody writes them here. */
export function pngTexts(bytes: Uint8Array): Map<string, string> {
  const texts = new Map<string, string>();
  if (SIGNATURE.some((b, i) => bytes[i] !== b)) return texts;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (type === "IEND" || data.length < length) break;
    if (type === "tEXt") {
      const zero = data.indexOf(0);
      if (zero > 0) texts.set(latin1(data.subarray(0, zero)), latin1(data.subarray(zero + 1)));
    } else if (type === "iTXt") {
      readInternational(data, texts);
    }
    at += 12 + length;
  }
  return texts;
}

/** keyword 0 compressed method language 0 translated 0 text */
function readInternational(data: Uint8Array, texts: Map<string, string>): void {
  const zero = data.indexOf(0);
  if (zero <= 0 || data[zero + 1] !== 0) return;
  const language = data.indexOf(0, zero + 3);
  const translated = data.indexOf(0, language + 1);
  if (language < 0 || translated < 0) return;
  texts.set(latin1(data.subarray(0, zero)), new TextDecoder().decode(data.subarray(translated + 1)));
}

function latin1(data: Uint8Array): string {
  let text = "";
  for (const b of data) text += String.fromCharCode(b);
  return text;
}
