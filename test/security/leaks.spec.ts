import { MemoryStore } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { closeStores } from '../support/express-stores.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { removeFiles } from '../support/sqlite/files.js';
import { STORES } from './support/encrypted-stores.js';
import { LeakFlows } from './support/leak-flows.js';
import { OWN, WAYS } from './support/ways.js';

afterEach(async () => {
  await closeApps();
  closeStores();
  removeFiles();
});
failOnUnhandledRejections();

describe.each(PLATFORMS)('leaks on %s', (platform) => {
  it.each(WAYS)(
    'law 2, CVE-2023-20866: no token is in logs, events, errors, inspect, JSON, lists, answers but for its header: $title',
    async (way) => {
      const flows = await LeakFlows.start({ platform, way, store: new MemoryStore() });
      await flows.everything();
      flows.verify();
    },
    180_000,
  );
});

it.each(STORES)(
  'ASVS 11.2.4: a dump of $name holds no token',
  async ({ open, platform }) => {
    const { store, dump } = open();
    const flows = await LeakFlows.start({ platform, way: OWN, store });
    await flows.sessions();
    flows.looking.hear('the dump', await dump());
    await flows.hostile();
    flows.looking.hear('the dump', await dump());
    await flows.lookAround();
    expect(flows.looking.failures()).toEqual([]);
  },
  180_000,
);
