import { crc32, deflateRawSync } from 'node:zlib';
import sharp from 'sharp';

export type ModelFormat = 'glb' | 'obj' | 'stl';

export interface ModelRequest {
  readonly picture: Uint8Array;
  readonly seed: number;
  readonly texture: boolean;
}

/** Points along each side. */
const SIDE = 24;
const PREVIEW_SIDE = 256;

/** A surface of triangles, with a colour for each point. */
interface Mesh {
  /** x, y and z of each point. */
  readonly positions: Float32Array;
  /** Red, green, blue and opacity of each point. */
  readonly colours: Uint8Array;
  /** Three points a triangle. */
  readonly triangles: Uint16Array;
}

/**
 * A relief of the picture: what is bright stands out, by more or less as the seed says. The same request gives
 * the same bytes. An OBJ comes in an archive with its material and texture. Rejects where there is no picture.
 */
export async function drawModel(format: ModelFormat, request: ModelRequest): Promise<Buffer> {
  const mesh = await reliefOf(request);
  switch (format) {
    case 'glb':
      return glb(mesh, request.texture);
    case 'stl':
      return stl(mesh);
    case 'obj':
      return zip(await objFiles(mesh, request));
    default:
      return format satisfies never;
  }
}

/** What a model's picture shows. */
export function drawPreview(picture: Uint8Array): Promise<Buffer> {
  return sharp(picture).resize(PREVIEW_SIDE, PREVIEW_SIDE, { fit: 'fill' }).removeAlpha().png().toBuffer();
}

async function reliefOf({ picture, seed }: ModelRequest): Promise<Mesh> {
  const pixels = await sharp(picture)
    .resize(SIDE, SIDE, { fit: 'fill' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  const height = 0.2 + (seed % 100) / 500;
  const positions = new Float32Array(SIDE * SIDE * 3);
  const colours = new Uint8Array(SIDE * SIDE * 4);
  for (let point = 0; point < SIDE * SIDE; point++) {
    const [red = 0, green = 0, blue = 0] = pixels.subarray(point * 3, point * 3 + 3);
    const brightness = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
    const [column, row] = [point % SIDE, Math.floor(point / SIDE)];
    positions.set([column / (SIDE - 1) - 0.5, 0.5 - row / (SIDE - 1), brightness * height], point * 3);
    colours.set([red, green, blue, 255], point * 4);
  }
  return { positions, colours, triangles: trianglesOfGrid() };
}

function trianglesOfGrid(): Uint16Array {
  const triangles: number[] = [];
  for (let row = 0; row < SIDE - 1; row++) {
    for (let column = 0; column < SIDE - 1; column++) {
      const corner = row * SIDE + column;
      const below = corner + SIDE;
      triangles.push(corner, below, corner + 1, corner + 1, below, below + 1);
    }
  }
  return Uint16Array.from(triangles);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Binary glTF 2.0: a JSON chunk and one of numbers, each as long as a multiple of four. */
function glb(mesh: Mesh, texture: boolean): Buffer {
  const { positions, colours, triangles } = mesh;
  const parts = [bytesOf(positions), bytesOf(colours), bytesOf(triangles)];
  const starts = parts.map((_, n) => parts.slice(0, n).reduce((sum, { length }) => sum + length, 0));
  const numbers = padded(Buffer.concat(parts), 0);
  const points = positions.length / 3;
  const document = {
    asset: { version: '2.0', generator: 'simulated node' },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0, name: 'relief' }],
    meshes: [
      {
        primitives: [
          { attributes: { POSITION: 0, ...(texture ? { COLOR_0: 1 } : {}) }, indices: 2, material: 0 },
        ],
      },
    ],
    materials: [{ doubleSided: true, pbrMetallicRoughness: { metallicFactor: 0, roughnessFactor: 1 } }],
    accessors: [
      { bufferView: 0, componentType: 5126, type: 'VEC3', count: points, ...boundsOf(positions) },
      { bufferView: 1, componentType: 5121, type: 'VEC4', count: points, normalized: true },
      { bufferView: 2, componentType: 5123, type: 'SCALAR', count: triangles.length },
    ],
    bufferViews: parts.map(({ length }, n) => ({
      buffer: 0,
      byteOffset: starts[n],
      byteLength: length,
      target: n === 2 ? 34_963 : 34_962,
    })),
    buffers: [{ byteLength: numbers.length }],
  };
  const chunks = [
    chunk('JSON', padded(Buffer.from(JSON.stringify(document)), 0x20)),
    chunk('BIN\0', numbers),
  ];
  const header = Buffer.alloc(12);
  header.write('glTF', 'latin1');
  header.writeUInt32LE(2, 4);
  header.writeUInt32LE(12 + chunks.reduce((sum, { length }) => sum + length, 0), 8);
  return Buffer.concat([header, ...chunks]);
}

function chunk(type: string, bytes: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(bytes.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, bytes]);
}

function padded(bytes: Buffer, filler: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3, filler)]);
}

function boundsOf(positions: Float32Array): { min: number[]; max: number[] } {
  const axes = [0, 1, 2].map((axis) => positions.filter((_, n) => n % 3 === axis));
  return { min: axes.map((values) => Math.min(...values)), max: axes.map((values) => Math.max(...values)) };
}

function stl({ positions, triangles }: Mesh): Buffer {
  const facets = triangles.length / 3;
  const file = Buffer.alloc(84 + facets * 50);
  file.write('relief of a simulated node', 'latin1');
  file.writeUInt32LE(facets, 80);
  for (const [n, point] of triangles.entries()) {
    const facet = Math.floor(n / 3);
    // The normal before the three points stays zero: readers reckon it themselves.
    bytesOf(positions.subarray(point * 3, point * 3 + 3)).copy(file, 84 + facet * 50 + 12 + (n % 3) * 12);
  }
  return file;
}

async function objFiles(
  { positions, triangles }: Mesh,
  { picture, texture }: ModelRequest,
): Promise<[string, Buffer][]> {
  const points = positions.length / 3;
  const lines = texture ? ['mtllib material.mtl', 'usemtl picture'] : [];
  for (let point = 0; point < points; point++) {
    const [x = 0, y = 0, z = 0] = positions.subarray(point * 3, point * 3 + 3);
    lines.push(
      `v ${x.toFixed(4)} ${y.toFixed(4)} ${z.toFixed(4)}`,
      `vt ${(x + 0.5).toFixed(4)} ${(y + 0.5).toFixed(4)}`,
    );
  }
  for (let n = 0; n < triangles.length; n += 3) {
    const corners = [...triangles.subarray(n, n + 3)].map((point) => `${point + 1}/${point + 1}`);
    lines.push(`f ${corners.join(' ')}`);
  }
  const model: [string, Buffer] = ['model.obj', Buffer.from(`${lines.join('\n')}\n`)];
  if (!texture) return [model];
  const material = Buffer.from('newmtl picture\nKd 1 1 1\nmap_Kd texture.png\n');
  return [['texture.png', await drawPreview(picture)], ['material.mtl', material], model];
}

/** An archive as any tool makes it. */
export function zip(files: readonly (readonly [name: string, bytes: Buffer])[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of files) {
    const packed = deflateRawSync(bytes);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20);
    shared.writeUInt16LE(8, 4);
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(bytes.length, 18);
    shared.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), shared, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02\x14\0', 'latin1'), shared, rest, Buffer.from(name)]),
    );
    locals.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, listing, end]);
}
