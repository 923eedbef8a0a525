import { CONTENDERS } from '../../contenders.js';
import { barrierAnswers, parallelController } from '../parallel/controller.js';

/** The session layer is one that other parts have, with handlers of its own. */
const { over } = CONTENDERS.find(({ name }) => name === process.argv[2]);
export const { imports, parameter, mount } = await import(`./${over}.js`);
export const controller = parallelController(parameter);
export const answers = barrierAnswers;
