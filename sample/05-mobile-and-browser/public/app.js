const element = (id) => document.getElementById(id);

/** The browser adds the cookie by itself; there is nothing to keep here. */
const call = (method, path, body) => fetch(`/api/${path}`, { method, ...(body && { body }) });

/** Shows who is signed in and where, as the server has it. */
async function show(message = '') {
  const sessions = await call('GET', 'sessions');
  element('sign-in').hidden = sessions.ok;
  element('account').hidden = !sessions.ok;
  element('message').textContent = message;
  if (!sessions.ok) return;
  element('user').textContent = (await (await call('GET', 'me')).json()).user;
  element('sessions').replaceChildren(...(await sessions.json()).map(row));
}

function row({ id, label, idleExpiresAt, absoluteExpiresAt, isThisOne }) {
  const item = document.createElement('li');
  const text = item.appendChild(document.createElement('span'));
  text.textContent = isThisOne ? `This ${label}` : label;
  const limits = text.appendChild(document.createElement('small'));
  limits.textContent = `ends ${fromNow(idleExpiresAt)} if it is not used, ${fromNow(absoluteExpiresAt)} in any case`;
  if (!isThisOne) {
    const end = item.appendChild(document.createElement('button'));
    end.textContent = 'Sign out there';
    end.onclick = () => tell(call('DELETE', `sessions/${id}`), 'That session has ended.');
  }
  return item;
}

function fromNow(time) {
  const minutes = Math.round((time - Date.now()) / 60_000);
  const [count, unit] =
    minutes < 60 ? [minutes, 'minute'] : minutes < 48 * 60 ? [minutes / 60, 'hour'] : [minutes / 1440, 'day'];
  return new Intl.RelativeTimeFormat('en').format(Math.round(count), unit);
}

/** Waits for an answer, says how it was, and shows what is so now. */
async function tell(answer, done) {
  try {
    const { ok, status } = await answer;
    await show(
      ok ? done : status === 401 ? 'Please sign in; the user or the password may be wrong.' : `Error ${status}.`,
    );
  } catch {
    element('message').textContent = 'The server does not answer.';
  }
}

element('sign-in').onsubmit = (event) => {
  event.preventDefault();
  void tell(call('POST', 'sign-in', new URLSearchParams(new FormData(event.target))), 'Signed in.');
};
element('sign-out').onclick = () => tell(call('POST', 'sign-out'), 'Signed out.');
element('refresh').onclick = () => show();
void show();
