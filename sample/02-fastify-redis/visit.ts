/** What this application keeps in a session. */
export interface Visit {
  views: number;
}
