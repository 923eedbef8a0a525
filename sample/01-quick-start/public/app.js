import { transports } from './api.js';
import { SessionCard } from './session-card.js';

const otherTabs = new BroadcastChannel('sessions');

const card = (name, label) =>
  new SessionCard(document.querySelector(`#${name}`), transports[name], label, (action) => {
    follow(name, action, true);
    otherTabs.postMessage({ name, action });
  });

const cards = { header: card('header', 'Header card'), cookie: card('cookie', 'Cookie card') };

/** What changes who is signed in where, or the id of a session. */
const changesLists = new Set(['signIn', 'signOutOther', 'signOutOthers', 'regenerate', 'destroy']);

/** Has the cards look again that an action of another card, here or in another tab, may concern. */
function follow(origin, action, isHere) {
  for (const [name, other] of Object.entries(cards)) {
    const isItself = isHere && name === origin;
    const isShared = !isHere && name === 'cookie' && origin === 'cookie';
    if (isShared || (!isItself && other.isSignedIn && changesLists.has(action))) void other.run('show');
  }
}

otherTabs.onmessage = ({ data: { name, action } }) => follow(name, action, false);

const showAll = () => Object.values(cards).forEach((each) => void each.run('show'));

// Whoever comes back to the page sees whether they were signed out meanwhile. Asking all the time
// would tell sooner, but each request is a use: no session would ever be idle.
addEventListener('focus', showAll);
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') showAll();
});
// More often than once a second, so that no second is skipped.
setInterval(() => Object.values(cards).forEach((each) => each.tick()), 250);
showAll();
