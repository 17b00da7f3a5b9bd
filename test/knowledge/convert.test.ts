import { openAsBlob } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zip } from '../../simulator/relief.ts';
import { type Converter, createConverter } from '../../src/knowledge/convert/converter.ts';
import { detect, mimeTypes } from '../../src/knowledge/convert/detect.ts';
import { textOf } from '../../src/knowledge/convert/text-of.ts';
import { docx, japanesePdf, lockedPdf, pdf, UNHURRIED, wordFile } from './files.ts';

const MIB = 1024 * 1024;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'switchyard-convert-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const patient = createConverter({ concurrency: 2 });
let files = 0;

interface Asked {
  readonly name?: string;
  readonly type?: string;
  readonly converter?: Converter;
  readonly signal?: AbortSignal;
  readonly onReport?: (type: string) => void;
}

/** What a process of its own makes of a file, made in this one: to start one takes longer than most files. */
async function read(bytes: Uint8Array | string, { name = 'a file', type = '' }: Asked = {}) {
  const file = Buffer.from(bytes);
  const found = await detect(file, { name, claimedType: type });
  return { mimeType: mimeTypes[found], text: await textOf(found, file, () => undefined) };
}

/** The chunks of a file, as a process of its own made them. */
async function convert(given: Uint8Array | string | Blob, asked: Asked = {}) {
  const { name = 'a file', type = '', converter = patient, signal = new AbortController().signal } = asked;
  const file = given instanceof Blob ? given : new Blob([new Uint8Array(Buffer.from(given))]);
  const target = path.join(folder, String(++files));
  const types: string[] = [];
  const { chunks } = await converter.convert({
    ...{ file, name, claimedType: type, target, signal },
    ...{ size: 200, overlap: 0 },
    report: (report) => {
      types.push(report.type === 'validated' ? report.mimeType : report.type);
      asked.onReport?.(report.type);
    },
  });
  const lines = (await readFile(target, 'utf8')).split('\n').filter((line) => line !== '');
  const pieces = lines.map((line) => JSON.parse(line) as [number, number, string]);
  expect(pieces).toHaveLength(chunks);
  return { text: pieces.map(([, , piece]) => piece).join('\n'), pieces, mimeType: types[0] };
}

describe('a readable file', UNHURRIED, () => {
  it('is made into chunks of its text by a process that can do nothing else', async () => {
    const { mimeType, text } = await convert(pdf([['The words are in a PDF.']]));
    expect({ mimeType, text }).toEqual({ mimeType: 'application/pdf', text: 'The words are in a PDF.' });
  });

  it('is known by its bytes, whatever it is called', async () => {
    const { mimeType, text } = await read(pdf([['The words are in a PDF.']]), {
      name: 'a.txt',
      type: 'text/plain',
    });
    expect(mimeType).toBe('application/pdf');
    expect(text).toBe('The words are in a PDF.');
    const html = await read('<!doctype html><p>The words are in a page.', { name: 'a.pdf' });
    expect(html).toMatchObject({ mimeType: 'text/html', text: 'The words are in a page.' });
  });

  it('is told from a page at once, whatever it begins with', async () => {
    const comments = '<!---->'.repeat(500);
    expect((await read(`${comments} words`)).mimeType).toBe('text/plain');
    expect((await read(`${comments}<!-- > -- -->\n<p>words`)).mimeType).toBe('text/html');
  });

  it('has its headings, paragraphs, lists and tables, and none of its scripts', async () => {
    const page = `<html><head><title>T</title><style>p { color: red }</style></head><body><h2>Head</h2><p>One
      <b>bold</b> word.</p><ul><li>first</li><li>second</li></ul><script>alert("x")</script>
      <table><tr><td>a</td><td>b</td></tr></table><pre>  kept\n  as it is</pre></body></html>`;
    const { text } = await read(page);
    expect(text).toBe('T\n\n## Head\n\nOne bold word.\n\n- first\n- second\n\na b\n\n  kept\n  as it is');
    expect((await read(docx([{ heading: 'Head' }, 'Words.', 'More &amp; more.']))).text).toBe(
      '# Head\n\nWords.\n\nMore & more.',
    );
    const book = pdf([
      [{ heading: 'Chapter One' }, 'It begins with a hyphen-', 'ated word.'],
      ['It ends here.'],
    ]);
    expect((await read(book)).text).toBe(
      '# Chapter One\n\nIt begins with a hyphenated word.\n\nIt ends here.',
    );
  });

  it('is decoded as it is encoded', async () => {
    const words = 'Grüße, 你好, ¿qué tal?';
    const utf16 = Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(words, 'utf16le')]);
    const page = Buffer.concat([
      Buffer.from('<html><meta charset="iso-8859-1"><p>'),
      Buffer.from('Grüße', 'latin1'),
    ]);
    expect((await read(utf16)).text).toBe(words);
    expect((await read(Buffer.from('Grüße', 'latin1'))).text).toBe('Grüße');
    expect((await read(page)).text).toBe('Grüße');
    expect((await read(`\uFEFF${words}`)).text).toBe(words);
  });

  it('is text where it reads as one, though it begins as files of another type do', async () => {
    for (const words of [
      'BMW is a maker of cars.',
      'GIF is a format.',
      'FORM follows function.',
      'MZ: 你好',
    ]) {
      expect(await read(words)).toEqual({ mimeType: 'text/plain', text: words });
    }
    const about = 'A PDF begins with %PDF-1.7, whatever it is called.';
    expect(await read(about)).toEqual({ mimeType: 'text/plain', text: about });
    const late = Buffer.concat([Buffer.from('HTTP/1.1 200 OK\n\n'), pdf([['words']])]);
    expect(await read(late)).toEqual({ mimeType: 'application/pdf', text: 'words' });
  });

  it('is read in its own encoding, though a little of it is damaged', async () => {
    const whole = Buffer.from('你好，世界。Grüße');
    expect((await read(whole.subarray(0, -1))).text).toBe('你好，世界。Grüß');
    expect((await read(whole.subarray(0, -2))).text).toBe('你好，世界。Grü\uFFFD');
    const page = Buffer.concat([
      Buffer.from('<html><meta charset="shift_jis"><p>'),
      Buffer.from('82e882f182b2ff', 'hex'),
    ]);
    expect((await read(page)).text).toBe('りんご\uFFFD');
    // The standard: who can say so in ASCII does not write UTF-16.
    const lie = '<html><meta charset="utf-16"><p>The giraffe</p></html>';
    for (const one of [lie, `${lie} `]) expect((await read(one)).text).toBe('The giraffe');
  });

  it('may be a PDF in Chinese or Japanese without a font of its own', async () => {
    expect((await convert(japanesePdf('東京の桜はきれいです。'))).text).toBe('東京の桜はきれいです。');
  });

  it('has offsets that are those of its text', async () => {
    const text = `# Title\r\n\r\n${'A sentence with some words in it. '.repeat(40)}`;
    const { pieces } = await convert(text, { name: 'a.md' });
    const unix = text.replaceAll('\r\n', '\n');
    for (const [start, end, piece] of pieces) expect(unix.slice(start, end)).toBe(piece);
    expect(pieces.length).toBeGreaterThan(5);
  });
});

/** Millions of empty paragraphs, in a small archive: they take seconds to be read, and gigabytes. */
const long = wordFile(Buffer.alloc(30 * MIB, '<w:p/>'));

describe('a file that can not be read', UNHURRIED, () => {
  it.each([
    [
      'a picture',
      Buffer.from(
        'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAIAAAUAAen63NgAAAAASUVORK5CYII=',
        'base64',
      ),
      /it is image\/png; PDF, DOCX, HTML, Markdown and plain text can be read/,
    ],
    ['an archive', zip([['a.txt', Buffer.from('words')]]), /it is a ZIP archive/],
    [
      'an old Word file',
      Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]),
      /old Word file \(\.doc\), or one with a password/,
    ],
    ['a locked PDF', lockedPdf(), /protected with a password/],
    ['a PDF that is cut short', pdf([['words']]).subarray(0, 60), /looks like a PDF, but is damaged/],
    [
      'a PDF with a page that is not there',
      Buffer.from(
        pdf([['words'], ['more']])
          .toString('latin1')
          .replace('4 0 R 6 0 R]', '4 0 R 99 0 R]'),
        'latin1',
      ),
      /it is damaged: page 2 of 2 could not be read; save it anew/,
    ],
    ['a PDF without text', pdf([[], []]), /has no text: its 2 pages are empty, or pictures of text/],
    ['a damaged Word file', wordFile(Buffer.from('<w:p><w:r>')), /Word file \(\.docx\), but is damaged/],
    ['nothing but spaces', ' \n\t\n ', /has no text/],
    ['a page without words', '<html><script>1</script></html>', /has no text/],
    ['bytes', Buffer.from([1, 2, 3, 4, 5, 6, 7, 0, 0, 9]), /is no text, and of no type that is known/],
    ['a text in an encoding that nobody names', Buffer.from('82e882f182b28142', 'hex'), /save it as UTF-8/],
    ['Rich Text', '{\\rtf1 words}', /it is an RTF file: save it as \.docx or PDF/],
    ['PostScript', '%!PS-Adobe-3.0 words', /it is a PostScript file: save it as PDF/],
    [
      'a text that ends in bytes',
      Buffer.concat([Buffer.from('word '.repeat(2_000)), Buffer.alloc(9)]),
      /has bytes that no text has/,
    ],
    [
      'a page nested without end',
      `<p>${'<b>'.repeat(1_000_000)}words`,
      /nested more than 5,000 deep: it may be damaged/,
    ],
    ['nothing', '', /the file is empty/],
  ])('is refused with a reason: %s', async (_what, bytes, reason) => {
    await expect(read(bytes)).rejects.toThrow(reason);
    await expect(read(bytes)).rejects.toMatchObject({ name: 'Refusal' });
  });

  it('is refused by its process in the same words', async () => {
    await expect(convert(pdf([[]]))).rejects.toMatchObject({
      name: 'Refusal',
      message: expect.stringContaining('pictures of text'),
    });
  });

  it('takes no more time than it may', async () => {
    const hasty = createConverter({ concurrency: 1, maxSeconds: 1 });
    await expect(convert(long, { converter: hasty })).rejects.toThrow(
      'reading it took longer than 1 seconds: it may be damaged, or too large',
    );
  });

  it('takes no more memory than it may: a small archive may hold a very large file', async () => {
    expect(long.length).toBeLessThan(MIB / 10);
    const narrow = createConverter({ concurrency: 1, maxMemoryBytes: 160 * MIB });
    await expect(convert(long, { converter: narrow })).rejects.toThrow(
      'reading it took more than 160 MiB of memory: it may be damaged, or too large',
    );
  });

  it('has no more text than may be stored', async () => {
    const small = createConverter({ concurrency: 1, maxOutputBytes: 100_000 });
    await expect(convert('a word '.repeat(30_000), { converter: small })).rejects.toThrow(
      /has more text than a document may have/,
    );
  });
});

describe('the process that reads a file', UNHURRIED, () => {
  it('ends when nobody waits for it any more', async () => {
    const stop = new AbortController();
    const onReport = (type: string) => {
      if (type === 'validated') stop.abort(new Error('enough'));
    };
    await expect(convert(long, { signal: stop.signal, onReport })).rejects.toThrow('enough');
  });

  it('makes nothing of a file that breaks off: another try may read it to its end', async () => {
    const broken = path.join(folder, 'broken');
    await writeFile(broken, 'Some words. '.repeat(50_000));
    const file = await openAsBlob(broken);
    await truncate(broken, 100_000);
    await expect(convert(file)).rejects.toMatchObject({ name: 'MediaUnavailableError', retryable: true });
  });

  it('nor of one whose storage goes away, as a process does that reads no more', async () => {
    const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    class Broken extends Blob {
      override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
        const pieces = [new TextEncoder().encode('Some words. ')];
        return new ReadableStream({
          pull(controller) {
            const piece = pieces.pop();
            if (piece) controller.enqueue(piece);
            else controller.error(lost);
          },
        });
      }
    }
    await expect(convert(new Broken())).rejects.toMatchObject({ name: 'MediaUnavailableError', cause: lost });
  });

  it('gives its turn up when nobody waits for it any more', async () => {
    const converter = createConverter({ concurrency: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const begun = Promise.withResolvers<void>();
    const onReport = () => begun.resolve();
    const running = convert(long, { converter, signal: first.signal, onReport });
    const waiting = convert('words', { converter, signal: second.signal });
    await begun.promise;
    second.abort(new Error('gave up'));
    await expect(waiting).rejects.toThrow('gave up');
    first.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect((await convert('words', { converter })).text).toBe('words');
  });

  it('waits its turn', async () => {
    const one = createConverter({ concurrency: 1 });
    const seen: string[] = [];
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        convert('words', { converter: one, onReport: (type) => seen.push(`${name} ${type}`) }),
      ),
    );
    expect(seen.map((line) => line[0]).join('')).toBe('aabbcc');
  });
});
