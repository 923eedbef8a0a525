import { A, ALL, B, C, D, E, type Rule } from './user-subject.js';

/** How sessions of a user end, those too that are on their way. */
export function revokeRules(rule: Rule): void {
  rule('takes all entries, settled or not, and gives their ids', async (subject) => {
    await subject.have(A);
    await subject.accepts(B);
    await subject.revokes(ALL, [A, B]);
    await subject.lists();
  });

  rule('takes one', async (subject) => {
    await subject.have(A, B, C);
    await subject.revokes({ only: B }, [B]);
    await subject.lists(A, C);
  });

  rule('takes all but one', async (subject) => {
    await subject.have(A, B, C);
    await subject.revokes({ except: B }, [A, C]);
    await subject.lists(B);
    await subject.settles(B);
  });

  rule('of what is not there takes nothing, and without a known exception takes all', async (subject) => {
    await subject.revokes(ALL, []);
    await subject.have(A);
    await subject.revokes({ only: B }, []);
    await subject.lists(A);
    await subject.revokes({ except: B }, [A]);
  });

  for (const named of [A, B]) {
    const which = named === A ? 'the entry that is replaced' : 'the entry that replaces another';
    rule(`of ${which} takes both`, async (subject) => {
      await subject.have(A, C);
      await subject.accepts(B, { replaces: A });
      await subject.revokes({ only: named }, [A, B]);
      await subject.lists(C);
      await subject.doesNotSettle(B);
    });

    rule(`except ${which} leaves both`, async (subject) => {
      await subject.have(A, C);
      await subject.accepts(B, { replaces: A });
      await subject.revokes({ except: named }, [C]);
      await subject.lists(A, B);
      await subject.settles(B);
    });
  }

  rule('finds an entry by the id that it replaced, too', async (subject) => {
    await subject.have(A, C, D);
    for (const [id, replaces] of [
      [B, A],
      [E, D],
    ] as const) {
      await subject.accepts(id, { replaces });
      await subject.settles(id);
    }
    await subject.revokes({ only: A }, [B]);
    await subject.index.remove('ada', [B]);
    await subject.revokes({ except: D }, [C]);
    await subject.settles(E);
    await subject.lists(E);
    await subject.index.remove('ada', [C]);
    await subject.revokes({ only: D }, [E]);
  });

  for (const choice of [{ only: A }, { except: A }]) {
    const which = 'only' in choice ? 'of' : 'except';
    rule(`${which} an id that was replaced goes for those that are to replace the next, too`, async (subject) => {
      await subject.have(A, D);
      await subject.accepts(B, { replaces: A });
      await subject.settles(B);
      await subject.accepts(C, { replaces: B });
      await subject.revokes(choice, 'only' in choice ? [B, C] : [D]);
      await subject.lists(...('only' in choice ? [D] : [B, C]));
    });
  }

  rule('done again gives the same once more: sessions may have to be ended again', async (subject) => {
    await subject.have(A, B, C);
    await subject.revokes({ only: B }, [B]);
    await subject.revokes({ only: B }, [B]);
    await subject.revokes({ except: B }, [A, C]);
    await subject.revokes(ALL, [A, B, C]);
    await subject.revokes(ALL, [A, B, C]);
  });

  rule('takes all that are to replace one entry, also after that has gone', async (subject) => {
    await subject.have(A, D);
    for (const id of [B, C]) await subject.accepts(id, { replaces: A });
    await subject.index.remove('ada', [A]);
    await subject.revokes({ only: B }, [B, C]);
    await subject.lists(D);
  });

  rule('done again gives both of a pair', async (subject) => {
    await subject.have(A);
    await subject.accepts(B, { replaces: A });
    await subject.revokes({ only: A }, [A, B]);
    await subject.revokes({ only: B }, [A, B]);
  });
}
