const byId = (id) => document.getElementById(id);

const WHY = {
  SESSION_ENDED: 'You have been signed out.',
  SESSION_EXPIRED: 'You were away for too long.',
  SESSION_RENEWED: 'You have signed in anew.',
  SESSION_REQUIRED: 'Please sign in.',
};

// The cookie goes along by itself; no script sees it.
const socket = io({ autoConnect: false });

socket.on('connect', () => show('You are in the room.', true));
socket.on('said', ({ user, text }) => {
  const message = document.createElement('li');
  message.textContent = `${user}: ${text}`;
  byId('messages').append(message);
});
socket.on('exception', ({ message }) => show(message, socket.connected));
socket.on('connect_error', (error) => show(WHY[error.data?.code] ?? error.message, false));
socket.on('session_ended', ({ code }) => {
  byId('messages').replaceChildren();
  show(WHY[code] ?? code, false);
  // Another tab has the new cookie already, or will in a moment.
  if (code === 'SESSION_RENEWED') setTimeout(() => socket.connect(), 500);
});

byId('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  const answer = await fetch('api/sign-in', { method: 'POST', body: new URLSearchParams(new FormData(event.target)) });
  // With the answer the browser has the cookie: not before can the socket connect.
  if (answer.ok) socket.disconnect().connect();
  else show((await answer.json()).message, false);
});

byId('say').addEventListener('submit', (event) => {
  event.preventDefault();
  socket.emit('say', event.target.text.value, ({ said }) => show(`Messages of this session: ${said}`, true));
  event.target.reset();
});

byId('sign-out').addEventListener('click', () => fetch('api/sign-out', { method: 'POST' }));

socket.connect();

function show(text, isIn) {
  byId('status').textContent = text;
  byId('chat').hidden = !isIn;
  byId('sign-in').hidden = isIn;
}
