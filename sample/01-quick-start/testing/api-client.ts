import type { DeviceView } from '../accounts/devices.controller.js';
import type { SessionView } from '../session-view.js';

/** Where a client carries its token. */
export type Way = 'header' | 'cookie';

const SET_COOKIE = /^sid=([^;]*)/;

/** A client of the API: keeps the token that it is given, and sends it. */
export class ApiClient {
  /** Undefined before there is one, '' after it was cleared. */
  token: string | undefined;

  constructor(
    private readonly url: string,
    private readonly way: Way,
    private readonly userAgent = 'a spec',
  ) {}

  /** One that is signed in. */
  static async signedIn(url: string, way: Way, ...credentials: string[]): Promise<ApiClient> {
    const client = new ApiClient(url, way);
    const { status } = await client.signIn(...credentials);
    if (status !== 200) throw new Error(`The sign-in was answered with ${status}.`);
    return client;
  }

  /** One that holds the same token. */
  copy(): ApiClient {
    const copy = new ApiClient(this.url, this.way, this.userAgent);
    copy.token = this.token;
    return copy;
  }

  async call(method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = { 'User-Agent': this.userAgent, ...this.carried() };
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const answer = await fetch(this.url + path, { method, headers, ...json });
    this.token = this.received(answer) ?? this.token;
    return answer;
  }

  signIn(user: unknown = 'ada', password: unknown = 'first-program', label?: unknown): Promise<Response> {
    return this.call('POST', '/api/sign-in', { user, password, label });
  }

  async session(): Promise<SessionView> {
    return (await (await this.call('GET', '/api/session')).json()) as SessionView;
  }

  async count(): Promise<SessionView> {
    return (await (await this.call('GET', '/api/views')).json()) as SessionView;
  }

  async devices(): Promise<DeviceView[]> {
    return (await (await this.call('GET', '/api/devices')).json()) as DeviceView[];
  }

  /** Which user it is signed in as. */
  async user(): Promise<string | undefined> {
    return (await this.session()).userId;
  }

  private carried(): Record<string, string> {
    const token = this.token ?? '';
    if (this.way === 'header') return token === '' ? {} : { 'X-Auth-Token': token };
    return { 'X-Token-In': 'cookie', ...(token !== '' && { Cookie: `sid=${token}` }) };
  }

  private received(answer: Response): string | undefined {
    if (this.way === 'header') return answer.headers.get('X-Auth-Token') ?? undefined;
    return SET_COOKIE.exec(answer.headers.getSetCookie()[0] ?? '')?.[1];
  }
}
