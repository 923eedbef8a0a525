/** Which rules catch which store, in whatever it does with users. */
export const CAUGHT_BY_USER_RULES = {
  'whose count counts entries': ['count leaves out what the index of users holds'],
  'whose clear leaves the index': [
    'users.add: does not replace what was revoked, removed or has run out',
    'users.settle: that comes too late leaves the replaced entry',
    'users: an entry that nobody settles is there until its lifetime has passed',
  ],
  'whose index lists nothing': ['F70: users.settle: may be sent again'],
  'whose index fails for unknown users': ['users: a user without entries has an empty list'],
  'whose index adds what is settled': ['users.add: lists what was added, as not settled'],
  'whose index refuses what is there': [
    'F70: users.add: succeeds for what is there already, and changes nothing',
    'F70: users.add: a command that is sent again late leaves a settled entry as it is',
  ],
  'whose index starts anew what is sent again': [
    'F70: users.add: a command that is sent again late leaves a settled entry as it is',
  ],
  'whose index adds again what was revoked': ['users.add: does not bring back what was revoked'],
  'whose index does not know isThere': [
    'users.add: frees what is added for itself from what it was to replace',
    'users.settle: is done once the entry was added for itself',
  ],
  'whose index takes everything for new': ['users.add: adds for itself only what is there already'],
  'whose index never takes again what was removed': [
    'users.add: takes again what was removed',
    'users: what is not there can be removed',
  ],
  'whose index replaces what is not there': ['users.add: replaces only what is there'],
  'whose index replaces what is over': ['random operations of users give what a simple model gives'],
  'whose index does not settle': ['users.settle: notes that the session is stored'],
  'whose index settles once': ['F70: users.settle: may be sent again', 'users.revoke: takes all but one'],
  'whose index settles everything': ['users.settle: is refused for what is not there, was revoked or removed'],
  'whose index settles what was revoked': [
    'users.settle: is refused for what is not there, was revoked or removed',
    'users.revoke: of the entry that is replaced takes both',
    'users.revoke: of the entry that replaces another takes both',
    'R60, ASVS 7.4.3: a login and a sign-out everywhere, in 25 orders',
    'R60, law 7: a regeneration and a sign-out everywhere, in 25 orders',
  ],
  'whose index keeps what was replaced': ['users.settle: removes the entry that is replaced, for good'],
  'whose index knows no heirs': [
    'users.revoke: finds an entry by the id that it replaced, too',
    'users.revoke: of an id that was replaced goes for those that are to replace the next, too',
    'users.revoke: except an id that was replaced goes for those that are to replace the next, too',
  ],
  'whose index keeps the first lifetime': ['users: settling gives a new lifetime, from then on'],
  'whose index has one lifetime for a user': ['users: each entry has its own lifetime'],
  'whose entries never run out': ['law 8, C50: the idle clock ends a session to the ms'],
  'whose revoked entries run out at once': [
    'users.revoke: done again gives the same once more: sessions may have to be ended again',
  ],
  'whose index has no limit': [
    'ASVS 7.1.2: users.add: max counts the entry that is added, and those that are not settled',
  ],
  'whose index has a limit of 100': ['users.add: without max takes any number'],
  'whose index counts first and adds later': [
    'users.add: of additions at the same time no more succeed than max allows',
    'ASVS 7.1.2: of 20 logins at once no more sessions are left than the user may have',
    'ASVS 7.1.2: of 20 logins at once as many are let in as the user may have sessions',
  ],
  'whose index counts what is settled': [
    'ASVS 7.1.2: users.add: max counts the entry that is added, and those that are not settled',
  ],
  'whose index counts what was revoked': [
    'users.add: max counts nothing that was revoked, removed or has run out',
    'ASVS 7.1.2: two logins, those in excess are refused, in 25 orders',
  ],
  'whose index counts each entry of a pair': [
    'users.add: an entry and the one that replaces it count as one',
    'users.add: all that are to replace one entry count as one with it',
  ],
  'whose index gives a place to all who want it': [
    'users.settle: is refused when the entry that is to be replaced has gone: another one has its place',
    'ASVS 7.1.2: users.add: of those that are to replace one entry, one takes its place; others need their own',
  ],
  'whose index counts what has lost its place': [
    'users.add: an entry whose place is taken does not count until it was added for itself',
  ],
  'whose index does not let a lost entry make room': [
    'users.add: an entry whose place is taken makes room for itself, as any other',
  ],
  'whose index evicts nobody': ['users.add: what was evicted is revoked: it can be ended once more'],
  'whose index evicts in another order': ['users.add: evicts in the order given, and no more than it has to'],
  'whose index evicts all that are named': ['users.add: evicts nobody when there is room'],
  'whose index evicts before it knows whether that is enough': [
    'users.add: evicts nobody when that would not be enough',
  ],
  'whose index stumbles over who is not there': ['users.add: passes over what is not there or was revoked'],
  'whose index evicts one of a pair': ['users.add: evicts an entry together with the one that replaces it'],
  'whose index counts a victim twice': ['users.add: evicts a pair by either name, and once'],
  'whose index tells once whom it revoked': [
    'users.add: every addition names all that are revoked, until they are removed: whoever adds ends them',
    'F70: users.add: an addition that is sent again names the evicted again',
  ],
  'whose index forgets whom it evicted': ['users.add: what was evicted is revoked: it can be ended once more'],
  'whose index revokes nothing': ['users.revoke: takes all entries, settled or not, and gives their ids'],
  'whose index revokes all or one': [
    'users.revoke: except the entry that is replaced leaves both',
    'users.revoke: except the entry that replaces another leaves both',
  ],
  'whose index revokes all at one': ['users.revoke: takes one'],
  'whose index revokes nothing without its exception': [
    'users.revoke: of what is not there takes nothing, and without a known exception takes all',
  ],
  'whose index revokes one of a pair': ['users.revoke: takes all entries, settled or not, and gives their ids'],
  'whose index tells once what it revokes': [
    'users.revoke: done again gives the same once more: sessions may have to be ended again',
    'users.revoke: done again gives both of a pair',
    'users: a revoked entry is kept until its lifetime has passed',
  ],
  'whose index removes nothing': ['users.revoke: takes all that are to replace one entry, also after that has gone'],
  'whose index keeps what was revoked': ['users: what was removed is gone, revoked or not'],
  'whose index fails to remove what is not there': [
    'R62, law 5: three requests that change different keys, in 25 orders',
    'R60, ASVS 7.4.3: after logins and sign-outs everywhere at once only what is listed lives',
    'R60: a request that saves and a sign-out everywhere, in 25 orders',
    'R59: the end of a session by its id and a touch, in 25 orders',
    'R60: the end of a session by its id and a request that saves, in 25 orders',
  ],
  'whose index has one user': ['users: what is done for one user changes nothing of another'],
  'whose index normalises user ids': ['users: odd user ids are users like any other, each a user of its own'],
  'whose index keeps users in an object': ['users: odd user ids change no prototype'],
  'whose records make entries': [
    'an entry stands before its session is stored, and is no session',
    'records alone make no entries: the session layer does',
  ],
  'whose entries make records': [
    'R58, law 6: a logout and a slow request that saves, in 25 orders',
    'R59, law 6: a logout and a touch, in 25 orders',
  ],
  'whose updates move entries': [
    'law 5, law 7: a regeneration and a request that saves, in 25 orders',
    'what becomes of a session, while it lives, changes no entry',
  ],
  'whose destroy takes all entries of the user': [
    'R61: two regenerations, in 25 orders',
    'the end of one session leaves the entries of others',
    'ASVS 7.1.2: two logins, the sessions in excess are ended, in 25 orders',
    'ASVS 7.1.2, R60: two logins and a sign-out everywhere, in 25 orders',
  ],
  'whose index ends sessions by itself': ['ASVS 7.4.3: revoking ends no session by itself, nor does it lose one'],
  'whose index is not whole': ['the index of users is whole'],
  'whose index lets a session be replaced that was signed out': [
    'ASVS 7.1.2: users.add: max counts the entry that is added, and those that are not settled',
  ],
} satisfies Record<string, readonly string[]>;
