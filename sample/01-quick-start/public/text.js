/** 299,001 ms are 05:00: a countdown shows the second that is running. */
export function duration(ms) {
  const seconds = Math.ceil(ms / 1000);
  const two = (value) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

export function ago(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'just now';
  return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}

// The order matters: Edge says that it is Chrome, Chrome says that it is Safari, Android says that it is Linux.
const BROWSERS = { Edge: /Edg\w*\//, Firefox: /(Firefox|FxiOS)\//, Chrome: /(Chrome|CriOS)\//, Safari: /Safari\// };
const SYSTEMS = { Android: /Android/, iOS: /iPhone|iPad/, Windows: /Windows/, macOS: /Mac OS X/, Linux: /Linux/ };

/** What to call the device behind a User-Agent header: a guess, for people only. */
export function deviceName(userAgent = '') {
  const nameIn = (names) => Object.keys(names).find((name) => names[name].test(userAgent));
  const browser = nameIn(BROWSERS) ?? (userAgent.split('/')[0] || 'Unknown client');
  const system = nameIn(SYSTEMS);
  return system === undefined ? browser : `${browser} on ${system}`;
}
