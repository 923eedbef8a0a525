import { PartedMap } from './parted-map.js';
import type { SessionRecord } from './session-store.js';

/** For how many records there is room at first. */
const FIRST_ROOM = 64;

/** Stands before the oldest and behind the newest record. */
const ENDS = 0;

/**
 * Records by their ids, in the order in which they were put last. However many there are, no call goes through them
 * all or builds a table of them all anew: a use of a record moves links, and the map of ids grows in parts.
 */
export class RecordTable {
  private readonly placeOf = new PartedMap<number>();
  private ids: string[] = [];
  private records: (SessionRecord | undefined)[] = [];
  /** The places of the records that were put right after and right before each. */
  private newer = new Int32Array();
  private older = new Int32Array();
  private freePlaces: number[] = [];

  constructor() {
    this.clear();
  }

  get size(): number {
    return this.places - 1 - this.freePlaces.length;
  }

  /** The number of places, free ones too; the first one is never a record's. */
  get places(): number {
    return this.ids.length;
  }

  get(id: string): SessionRecord | undefined {
    const place = this.placeOf.get(id);
    return place === undefined ? undefined : this.records[place];
  }

  /** Adds a record, or puts it in the place of the one with this id; it is the newest then. */
  put(id: string, record: SessionRecord): void {
    let place = this.placeOf.get(id);
    if (place === undefined) {
      place = this.newPlace();
      this.placeOf.set(id, place);
      this.ids[place] = id;
    } else this.unlink(place);
    this.records[place] = record;
    this.linkAsNewest(place);
  }

  delete(id: string): void {
    const place = this.placeOf.get(id);
    if (place === undefined) return;
    this.placeOf.delete(id);
    this.unlink(place);
    this.ids[place] = '';
    this.records[place] = undefined;
    this.freePlaces.push(place);
  }

  /** The record that was put longest ago. */
  oldest(): readonly [id: string, record: SessionRecord] | undefined {
    return this.at(this.newer[ENDS] as number);
  }

  /** The record at a place; undefined at a free one. */
  at(place: number): readonly [id: string, record: SessionRecord] | undefined {
    const record = this.records[place];
    return record === undefined ? undefined : [this.ids[place] as string, record];
  }

  clear(): void {
    this.placeOf.clear();
    this.ids = [''];
    this.records = [undefined];
    this.newer = new Int32Array(FIRST_ROOM);
    this.older = new Int32Array(FIRST_ROOM);
    this.freePlaces = [];
  }

  private newPlace(): number {
    const free = this.freePlaces.pop();
    if (free !== undefined) return free;
    const place = this.ids.push('') - 1;
    this.records.push(undefined);
    if (place === this.newer.length) {
      this.newer = doubled(this.newer);
      this.older = doubled(this.older);
    }
    return place;
  }

  private unlink(place: number): void {
    const [newer, older] = [this.newer[place] as number, this.older[place] as number];
    this.older[newer] = older;
    this.newer[older] = newer;
  }

  private linkAsNewest(place: number): void {
    const newest = this.older[ENDS] as number;
    this.newer[newest] = place;
    this.older[place] = newest;
    this.newer[place] = ENDS;
    this.older[ENDS] = place;
  }
}

function doubled(links: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(links.length * 2);
  larger.set(links);
  return larger;
}
