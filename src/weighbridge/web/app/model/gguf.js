// Where the header of a GGUF file ends: after its metadata and its list of tensors. Python reads what they say.

/** Bytes of the values of each type of metadata; 8 is text, 9 a list. @type {Record<number, number>} */
const SIZES = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/** The end of the header; ``null`` where the bytes end before it does, or where it is none. @param {Uint8Array} bytes */
export function endOfGguf(bytes) {
  try {
    return new Walk(bytes).end();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

class Walk {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  end() {
    if (this.u32() !== 0x46554747) throw new RangeError('no GGUF');
    if (this.u32() < 2) throw new RangeError('a version with other sizes');
    const [tensors, keys] = [this.u64(), this.u64()];
    for (let key = 0; key < keys; key++) {
      this.text();
      this.value(this.u32());
    }
    for (let tensor = 0; tensor < tensors; tensor++) {
      this.text();
      this.skip(8 * this.u32() + 4 + 8); // sizes, type, offset
    }
    return this.at;
  }

  /** @param {number} type */
  value(type) {
    if (type === 8) return this.text();
    if (type !== 9) return this.skip(SIZES[type] ?? NaN);
    const inner = this.u32();
    const count = this.u64();
    if (SIZES[inner]) return this.skip(SIZES[inner] * count);
    for (let place = 0; place < count; place++) this.value(inner);
    return undefined;
  }

  text() {
    this.skip(this.u64());
  }

  u32() {
    this.skip(4);
    return this.view.getUint32(this.at - 4, true);
  }

  u64() {
    this.skip(8);
    return Number(this.view.getBigUint64(this.at - 8, true));
  }

  /** @param {number} count */
  skip(count) {
    if (!(this.at + count <= this.view.byteLength)) throw new RangeError('the bytes end');
    this.at += count;
  }
}
