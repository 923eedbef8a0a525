/** Says how far the run is: in one line that is written anew where that can be done. */
export class Progress {
  #last = '';

  show(done, of, what) {
    const line = `[${done + 1}/${of}] ${what}`;
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${line}`);
    else if (line !== this.#last) console.log(line);
    this.#last = line;
  }

  end() {
    if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
  }
}
