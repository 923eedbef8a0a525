import { ago, deviceName } from './text.js';

/** The part of a card that is about its user: the sign-in, or who is signed in, and where. */
export class AccountPanel {
  #parts;
  #label;
  #act;
  #isBusy = false;

  /**
   * @param label what this client calls itself in the list of sessions
   * @param act performs an action of the card
   */
  constructor(element, label, act) {
    const part = (selector) => element.querySelector(selector);
    this.#label = label;
    this.#act = act;
    this.#parts = {
      message: part('.message'),
      form: part('form'),
      user: part('form [name="user"]'),
      password: part('form [name="password"]'),
      signedIn: part('.signed-in'),
      name: part('[data-user-id]'),
      list: part('.devices'),
      others: part('[data-action="signOutOthers"]'),
      device: part('template'),
    };
    const { form, user, password } = this.#parts;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#signIn();
    });
    form.addEventListener('click', ({ target: { dataset } }) => {
      if (dataset.fill === undefined) return;
      [user.value, password.value] = [dataset.fill, dataset.password];
      form.querySelector('[type="submit"]').focus();
    });
  }

  /** Shows the user of a session and their sessions; without a user, the sign-in. */
  show(userId, devices, now) {
    const { form, signedIn, name, list, others } = this.#parts;
    const focused = list.querySelector(':focus')?.dataset.id;
    form.hidden = userId !== undefined;
    signedIn.hidden = userId === undefined;
    name.textContent = userId ?? '';
    list.replaceChildren(...devices.map((device) => this.#row(device)));
    others.disabled = devices.length < 2;
    this.tick(now);
    if (focused !== undefined) list.querySelector(`[data-id="${focused}"]`)?.focus();
  }

  tick(now) {
    for (const time of this.#parts.list.querySelectorAll('time')) {
      const text = ago(now - Date.parse(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  }

  /** Why the sign-in is there: the session was ended elsewhere, or the password was wrong. Default nothing. */
  say(text = '') {
    this.#parts.message.textContent = text;
  }

  focus() {
    const { form, signedIn } = this.#parts;
    (form.hidden ? signedIn : form).querySelector('h3').focus();
  }

  async #signIn() {
    if (this.#isBusy) return;
    const { form, user, password } = this.#parts;
    this.#isBusy = true;
    form.ariaBusy = 'true';
    const refused = await this.#act('signIn', { user: user.value, password: password.value, label: this.#label });
    this.#isBusy = false;
    form.ariaBusy = 'false';
    if (refused) password.select();
    else form.reset();
  }

  #row({ id, label, device, usedAt, isThisOne }) {
    const row = this.#parts.device.content.cloneNode(true);
    const part = (selector) => row.querySelector(selector);
    const name = deviceName(device?.userAgent);
    part('.device-label').textContent = label ?? name;
    part('.device-where').textContent = [label && name, device?.address].filter(Boolean).join(' · ');
    part('time').dateTime = new Date(usedAt).toISOString();
    const button = part('button');
    button.dataset.id = id;
    button.ariaLabel = `Sign out ${[label, name].filter(Boolean).join(', ')}`;
    part(isThisOne ? 'button' : '.badge').remove();
    return row;
  }
}
