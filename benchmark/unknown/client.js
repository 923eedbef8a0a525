// The client that sends a new token with each request, in a process of its own, driven by messages of its parent.
import { answerParent } from '../processes.js';
import { Flood } from './flood.js';

let flood;

answerParent({
  async open(options) {
    flood = await Flood.open(options);
  },

  make: (requests) => flood.make(requests),

  run: (requests) => flood.run(requests),

  close: () => flood.close(),
});
