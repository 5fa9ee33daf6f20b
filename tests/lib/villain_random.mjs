// Chance that a seed reproduces.

export class Random {
  // A word keeps the streams of one seed apart.
  constructor(seed, word) {
    this.state = seed >>> 0;
    for (const char of word) this.state = Math.imul(this.state ^ char.codePointAt(0), 2654435761) >>> 0;
  }

  // At least 0, below 1.
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n) {
    return Math.floor(this.next() * n);
  }

  chance(share) {
    return this.next() < share;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  // { word: weight, … }
  weighted(weights) {
    const words = Object.keys(weights);
    let at = this.next() * words.reduce((sum, word) => sum + weights[word], 0);
    for (const word of words) if ((at -= weights[word]) < 0) return word;
    return words.at(-1);
  }

  // Between the two, small ones as likely as large ones: the logarithm is uniform.
  spread(least, most) {
    return least * (most / least) ** this.next();
  }
}
