import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';

const AUDIT = join(import.meta.dirname, '../../tools/audit.js');
const advisory = {
  id: 1,
  url: 'https://example.com/advisories/1',
  title: 'Cookies are too crisp',
  severity: 'high',
  vulnerable_versions: '<=99.0.0',
  cwe: [],
  cvss: { score: 7.5, vectorString: null },
};

/** What the audit is asked about, by a registry that answers it so. */
let asked: unknown;
let server: Server | undefined;

async function registry(answer: RequestListener): Promise<string> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

/** Runs the check against a registry: its exit code and all it says. */
function check(address: string): Promise<{ code: unknown; said: string }> {
  const env = { ...process.env, npm_config_registry: address, npm_config_proxy: '', npm_config_noproxy: '127.0.0.1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [AUDIT], { env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, said: stdout + stderr });
    });
  });
}

function answering(found: Record<string, unknown[]>): RequestListener {
  return (req, res) => {
    void answer();
    async function answer(): Promise<void> {
      if (req.method === 'POST' && req.url?.endsWith('/advisories/bulk') === true) {
        asked = await json(req.pipe(createGunzip()));
        res.setHeader('Content-Type', 'application/json').end(JSON.stringify(found));
      } else {
        res.writeHead(404).end('{}');
      }
    }
  };
}

describe('npm run check:audit, with a registry of our own', () => {
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    asked = undefined;
  });

  it('ASVS 15.2.1: passes when the registry knows of nothing, and asks about the runtime dependencies', async () => {
    const { code, said } = await check(await registry(answering({})));
    expect(said).toMatch(/^0 vulnerable runtime dependencies\n$/);
    expect(code).toBe(0);
    expect(asked).toMatchObject({ cookie: [expect.any(String)], 'cookie-signature': [expect.any(String)] });
  }, 60_000);

  it('ASVS 15.2.1: fails on a finding, with its package, severity, title and address', async () => {
    const { code, said } = await check(await registry(answering({ cookie: [advisory] })));
    expect(said).toContain('cookie, high: Cookies are too crisp https://example.com/advisories/1\n');
    expect(code).toBe(1);
  }, 60_000);

  it.each<[string, RequestListener]>([
    ['does not audit', (_req, res) => void res.writeHead(405).end()],
    ['is broken', (_req, res) => void res.writeHead(500).end()],
    ['hangs up', (req) => void req.socket.destroy()],
    ['answers something else', (_req, res) => void res.end('<html>')],
  ])(
    'ASVS 15.2.1: is no pass when the registry %s',
    async (_what, listener) => {
      const { code, said } = await check(await registry(listener));
      expect(said).toMatch(/^NOT CHECKED: the registry did not answer the audit: ./);
      expect(code).toBe(75);
    },
    60_000,
  );
});
