import { Catch, Inject, UseFilters, type ArgumentsHost, type Provider } from '@nestjs/common';
import { BaseWsExceptionFilter, WebSocketGateway } from '@nestjs/websockets';
import { CounterGateway } from './counter.gateway.js';

const CAUGHT = Symbol('caught');

/** Notes what a gateway's handlers throw, and goes on as Nest does. */
@Catch()
class CatchAll extends BaseWsExceptionFilter {
  constructor(@Inject(CAUGHT) private readonly caught: unknown[]) {
    super();
  }

  override catch(exception: unknown, host: ArgumentsHost): void {
    this.caught.push(exception);
    super.catch(exception, host);
  }
}

@WebSocketGateway()
@UseFilters(CatchAll)
class FilteredGateway extends CounterGateway {}

/** CounterGateway with a filter, and what that has caught. */
export function filteredGateway(): { providers: Provider[]; caught: unknown[] } {
  const caught: unknown[] = [];
  return { providers: [FilteredGateway, { provide: CAUGHT, useValue: caught }], caught };
}
