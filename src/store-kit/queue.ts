/** First in, first out. Taking the first of many costs as little as taking the first of two. */
export class Queue<Element> {
  #elements: Element[] = [];
  #first = 0;

  get size(): number {
    return this.#elements.length - this.#first;
  }

  add(element: Element): void {
    this.#elements.push(element);
  }

  peek(): Element | undefined {
    return this.#elements[this.#first];
  }

  take(): Element | undefined {
    const element = this.#elements[this.#first];
    if (this.size === 0) return element;
    this.#first++;
    // Copied when half of it is empty, so that each element is copied about once.
    if (this.#first * 2 > this.#elements.length) {
      this.#elements = this.#elements.slice(this.#first);
      this.#first = 0;
    }
    return element;
  }

  /** Takes out all elements for which `isTaken` is true, in their order. */
  takeWhere(isTaken: (element: Element) => boolean): Element[] {
    const taken: Element[] = [];
    const left: Element[] = [];
    for (let index = this.#first; index < this.#elements.length; index++) {
      const element = this.#elements[index] as Element;
      (isTaken(element) ? taken : left).push(element);
    }
    this.#elements = left;
    this.#first = 0;
    return taken;
  }
}
