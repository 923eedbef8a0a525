/**
 * A matcher of request paths by whole segments. Queries, empty and dot segments don't count, and an
 * encoded slash is part of its segment. In doubt a path does not match: an excluded path has no
 * session, and that must not come about by a trick of spelling.
 */
export function pathMatcher(prefixes: readonly string[]): (url: string) => boolean {
  const wanted = prefixes.map(segmentsOf);
  return (url) => {
    const segments = segmentsOf(url);
    return wanted.some(
      (prefix) => prefix.length <= segments.length && prefix.every((segment, index) => segment === segments[index]),
    );
  };
}

function segmentsOf(url: string): string[] {
  const end = url.search(/[?#]/);
  const segments: string[] = [];
  for (const raw of (end < 0 ? url : url.slice(0, end)).split('/')) {
    const segment = decode(raw);
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
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
