/**
 * What a server tells of a store of its own.
 *
 * @param {object} store
 * @param {string} method with which it is asked for a session
 * @param {() => number} count of the sessions in it
 */
export function storeAnswers(store, method, count) {
  const original = store[method];
  let asked = 0;
  return {
    count,
    asked: () => asked,

    /** From now on it is counted how often it is asked. */
    watch() {
      store[method] = function (...args) {
        asked++;
        return original.apply(this, args);
      };
    },

    unwatch: () => void (store[method] = original),
  };
}
