/** Work of which only so much is done at the same moment, in the order in which it came. */
export class Lane {
  private free: number;
  private readonly waiting: { readonly weight: number; begin(): void }[] = [];

  constructor(private readonly width: number) {
    this.free = width;
  }

  /** `weight`: how much of the lane the work takes, all of it at most. */
  async run<T>(work: () => Promise<T>, weight = 1): Promise<T> {
    const taken = Math.min(weight, this.width);
    await new Promise<void>((begin) => {
      this.waiting.push({ weight: taken, begin });
      this.next();
    });
    try {
      return await work();
    } finally {
      this.free += taken;
      this.next();
    }
  }

  private next(): void {
    for (let first = this.waiting[0]; first !== undefined && first.weight <= this.free; first = this.waiting[0]) {
      this.waiting.shift();
      this.free -= first.weight;
      first.begin();
    }
  }
}
