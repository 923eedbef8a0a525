/**
 * A matcher of request paths by whole segments. Queries, empty and dot segments don't count, and an
 * encoded slash is part of its segment. In doubt a path does not match: an excluded path has no
 * session, and that must not come about by a trick of spelling.
 */
export function pathMatcher(prefixes: readonly string[]): (url: string) => boolean {
  const wanted = prefixes.map((prefix) => segmentsOf(prefix) ?? []);
  return (url) => {
    const segments = segmentsOf(url);
    if (segments === undefined) return false;
    return wanted.some(
      (prefix) => prefix.length <= segments.length && prefix.every((segment, index) => segment === segments[index]),
    );
  };
}

/** Undefined for a path that steps back: frameworks differ in where that leads. */
function segmentsOf(url: string): string[] | undefined {
  const end = url.search(/[?#]/);
  const segments: string[] = [];
  for (const raw of (end < 0 ? url : url.slice(0, end)).split('/')) {
    const segment = decode(raw);
    if (segment === '..') return undefined;
    if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
