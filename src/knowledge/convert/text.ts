/** Control characters that no text has, but those that terminals are told with. */
function isControl(code: number): boolean {
  return code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0c && code !== 0x0d && code !== 0x1b;
}

function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (isControl(text.charCodeAt(at))) return true;
  return false;
}

function decode(bytes: Uint8Array, label: string, isStrict: boolean): string | null {
  try {
    return new TextDecoder(label, { fatal: isStrict }).decode(bytes);
  } catch {
    // An unknown label, or bytes of another encoding: the next one is tried.
    return null;
  }
}

function marked(bytes: Uint8Array): string | null {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return null;
}

/** Bytes that one character takes at most. */
const LONGEST_CHARACTER = 4;

/** The end of a beginning may cut through a character. */
function decodeUtf8(bytes: Uint8Array, isBeginning: boolean): string | null {
  const most = isBeginning ? Math.min(LONGEST_CHARACTER, bytes.length) : 1;
  for (let cut = 0; cut < most; cut++) {
    const text = decode(bytes.subarray(0, bytes.length - cut), 'utf-8', true);
    if (text !== null) return text;
  }
  return null;
}

/** Whether the beginning of a file is a text in UTF-8. */
export function beginsAsUtf8(bytes: Uint8Array): boolean {
  const text = decodeUtf8(bytes, true);
  return text !== null && !hasControls(text);
}

const LAST_ASCII = '\x7f';

/** UTF-8 with a little damage, as of a file that was cut off: of what is not ASCII most is whole. */
function decodeDamagedUtf8(bytes: Uint8Array): string | null {
  const text = decode(bytes, 'utf-8', false);
  if (text === null) return null;
  let whole = 0;
  let broken = 0;
  for (const character of text) {
    if (character === '\uFFFD') broken++;
    else if (character > LAST_ASCII) whole++;
  }
  return whole > broken ? text : null;
}

/** Bytes that Windows-1252 has no character for. */
const notWindows = /[\x81\x8d\x8f\x90\x9d]/;

function decodeWindows(bytes: Uint8Array): string | null {
  const text = decode(bytes, 'windows-1252', false);
  return text === null || notWindows.test(text) ? null : text;
}

export interface Encoding {
  /** As web pages name it. */
  readonly label?: string | undefined;
  /** Whether the bytes are but the beginning of a text. */
  readonly isBeginning?: boolean;
}

/**
 * Text in UTF-8, in UTF-16 with its mark, in the named encoding, or else in the one of old Windows files, a little
 * damaged or not; null where it is no text.
 */
export function decodeText(bytes: Uint8Array, { label, isBeginning = false }: Encoding = {}): string | null {
  const mark = marked(bytes);
  const text =
    (mark === null ? null : decode(bytes, mark, false)) ??
    (label === undefined ? null : decode(bytes, label, true)) ??
    decodeUtf8(bytes, isBeginning) ??
    decodeDamagedUtf8(bytes) ??
    (label === undefined ? null : decode(bytes, label, false)) ??
    decodeWindows(bytes);
  return text === null || hasControls(text) ? null : text;
}

/** Lines end alike, and nothing is in it that the database does not take. */
export function tidy(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n').replaceAll('\0', '').toWellFormed();
}
