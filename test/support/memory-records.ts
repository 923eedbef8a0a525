import type { MemoryStore, SessionRecord } from 'nestjs-token-session';

/** The store's own table, as far as tests reach into it. */
interface Table {
  readonly places: number;
  get(id: string): SessionRecord | undefined;
  put(id: string, record: SessionRecord): void;
  at(place: number): readonly [string, SessionRecord] | undefined;
}

/** What a memory store holds, past its own rules: as somebody else who can write there. */
export class MemoryRecords {
  private readonly table: Table;

  constructor(store: MemoryStore) {
    this.table = (store as unknown as { records: Table }).records;
  }

  get(id: string): SessionRecord | undefined {
    return this.table.get(id);
  }

  set(id: string, record: SessionRecord): void {
    this.table.put(id, record);
  }

  /** All of them, as they are now. */
  entries(): (readonly [string, SessionRecord])[] {
    const places = Array.from({ length: this.table.places }, (_, place) => this.table.at(place));
    return places.filter((entry) => entry !== undefined);
  }
}
