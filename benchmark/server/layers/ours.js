import { layerOf } from '../ours.js';

export const { imports, parameter, controller, mount } = layerOf();
