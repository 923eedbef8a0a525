import type { EndingsListener } from 'nestjs-token-session';
import { broken } from './broken-store.js';

export const BROKEN_ENDINGS = {
  'that tells of nothing': broken(() => ({
    endings: {
      listen: (listener) => {
        listener.connected();
        return () => undefined;
      },
    },
  })),
  'that never connects': broken(({ endings }) => ({
    endings: { listen: (listener) => endings.listen(hearing(listener, { connected: () => undefined })) },
  })),
  'whose replaced tokens are not told': broken(({ update }) => ({
    update: (id, record, version) => update(id, record, version),
  })),
  'whose destroy at a version is not told': broken(({ destroy, endings }) => {
    let isQuiet = false;
    return {
      destroy: (id, version) => {
        isQuiet = version !== undefined;
        return destroy(id, version);
      },
      endings: {
        listen: (listener) =>
          endings.listen(
            hearing(listener, {
              ended: (id) => {
                if (!isQuiet) listener.ended(id);
              },
            }),
          ),
      },
    };
  }),
  'that tells of every write': broken(({ update }) => ({
    update: (id, record, version) => update(id, record, version, true),
  })),
  'that goes on telling who has stopped': broken(({ endings }) => ({
    endings: {
      listen: (listener) => {
        endings.listen(listener);
        return () => undefined;
      },
    },
  })),
  'that tells one at a time': broken(({ endings }) => {
    let stop: (() => unknown) | undefined;
    return {
      endings: {
        listen: (listener) => {
          stop?.();
          return (stop = endings.listen(listener));
        },
      },
    };
  }),
};

/** A listener, some of it replaced. */
function hearing(listener: EndingsListener, other: Partial<EndingsListener>): EndingsListener {
  return {
    ended: (id) => {
      listener.ended(id);
    },
    connected: () => {
      listener.connected();
    },
    lost: () => {
      listener.lost();
    },
    ...other,
  };
}
