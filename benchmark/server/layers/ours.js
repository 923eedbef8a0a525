import { Session, SessionModule } from '../../../dist/esm/index.js';

export const imports = [SessionModule.forRoot()];
export const parameter = Session;
export const mount = undefined;
