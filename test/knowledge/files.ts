import { zip } from '../../simulator/relief.ts';

/** For a test that reads documents: each of them takes a process of its own, which may be long in coming. */
export const UNHURRIED = { timeout: 60_000 } as const;

/** A line of a PDF, and how large its letters are. */
type PdfLine = string | { readonly heading: string };

const escaped = (text: string): string => text.replaceAll(/[\\()]/g, String.raw`\$&`);

function pageContent(lines: readonly PdfLine[]): string {
  const parts = lines.map((line) =>
    typeof line === 'string'
      ? `/F1 12 Tf 0 -15 Td (${escaped(line)}) Tj`
      : `/F1 22 Tf 0 -40 Td (${escaped(line.heading)}) Tj 0 -20 Td`,
  );
  return `BT 72 760 Td ${parts.join('\n')} ET`;
}

/** Numbers objects from 1, and says where each of them begins. */
function assemble(objects: readonly string[], trailer: string): Buffer {
  let body = '%PDF-1.4\n';
  const offsets = objects.map((object, n) => {
    const at = body.length;
    body += `${n + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const table = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
  const start = body.length;
  const size = objects.length + 1;
  body += `xref\n0 ${size}\n0000000000 65535 f \n${table}`;
  return Buffer.from(
    `${body}trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${start}\n%%EOF\n`,
    'latin1',
  );
}

export interface PdfOptions {
  /** Of the trailer, beside what every PDF has. */
  readonly trailer?: string;
  /** Numbered behind those of the pages. */
  readonly objects?: readonly string[];
}

/** A PDF with a page for each list of lines. */
export function pdf(
  pages: readonly (readonly PdfLine[])[],
  { trailer = '', objects = [] }: PdfOptions = {},
): Buffer {
  const first = 4;
  const kids = pages.map((_, n) => `${first + 2 * n} 0 R`).join(' ');
  const made = pages.flatMap((lines, n) => {
    const content = pageContent(lines);
    return [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${first + 2 * n + 1} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    ];
  });
  return assemble(
    [
      '<< /Type /Catalog /Pages 2 0 R >>',
      `<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`,
      '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
      ...made,
      ...objects,
    ],
    trailer,
  );
}

/** A PDF in a font that it has not in it, by one of the character maps that readers are expected to have. */
export function japanesePdf(text: string): Buffer {
  const content = `BT /F1 12 Tf 72 760 Td <${Buffer.from(text, 'utf16le').swap16().toString('hex')}> Tj ET`;
  const font = '/Type /Font /BaseFont /HeiseiMin-W3';
  const descriptor = '/Type /FontDescriptor /FontName /HeiseiMin-W3 /Flags 4 /FontBBox [0 0 1000 1000]';
  return assemble(
    [
      '<< /Type /Catalog /Pages 2 0 R >>',
      '<< /Type /Pages /Kids [4 0 R] /Count 1 >>',
      `<< ${font} /Subtype /Type0 /Encoding /UniJIS-UCS2-H /DescendantFonts [6 0 R] >>`,
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 3 0 R >> >> >>',
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
      `<< ${font} /Subtype /CIDFontType0 /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> /FontDescriptor 7 0 R >>`,
      `<< ${descriptor} /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>`,
    ],
    '',
  );
}

/** A PDF that wants a password: only what says so is true of it. */
export function lockedPdf(): Buffer {
  const secret = '00'.repeat(32);
  const encrypt = `<< /Filter /Standard /V 2 /R 3 /Length 128 /P -3904 /O <${'28'.repeat(32)}> /U <${secret}> >>`;
  const pages =
    pdf([['hidden']])
      .toString('latin1')
      .match(/ 0 obj/g)?.length ?? 0;
  return pdf([['hidden']], {
    objects: [encrypt],
    trailer: `/Encrypt ${pages + 1} 0 R /ID [<${'ab'.repeat(16)}> <${'ab'.repeat(16)}>]`,
  });
}

const types = `<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>
</Types>`;

const relations = `<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>
</Relationships>`;

const styled = (style: string | null, text: string): string =>
  `<w:p>${style === null ? '' : `<w:pPr><w:pStyle w:val="${style}"/></w:pPr>`}<w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;

/** A Word file of headings and paragraphs. */
export function docx(parts: readonly (string | { readonly heading: string })[]): Buffer {
  const body = parts
    .map((part) => (typeof part === 'string' ? styled(null, part) : styled('Heading1', part.heading)))
    .join('');
  return wordFile(Buffer.from(body));
}

/** A Word file with that inside its body. */
export function wordFile(body: Buffer): Buffer {
  const [before, after] = [
    '<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>',
    '</w:body></w:document>',
  ].map((text) => Buffer.from(text));
  return zip([
    ['[Content_Types].xml', Buffer.from(types)],
    ['_rels/.rels', Buffer.from(relations)],
    ['word/document.xml', Buffer.concat([before ?? Buffer.of(), body, after ?? Buffer.of()])],
  ]);
}
