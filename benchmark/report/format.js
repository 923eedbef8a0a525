export const micros = (value) => `${value.toFixed(1)} µs`;

export const millis = (value) => `${value.toFixed(2)} ms`;

/** A median with its quartiles. */
export const spread = ({ median, low, high }, text = (value) => value.toFixed(1)) =>
  `${text(median)} (${text(low)} to ${text(high)})`;

export const whole = (value) => Math.round(value).toLocaleString('en');

export const percent = (share) => `${Math.round(share * 100)}%`;

/** Rows in columns as wide as they need. */
export function columns(rows) {
  const widths = rows[0].map((_, index) => Math.max(...rows.map((row) => row[index].length)));
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index]))
      .join('  ')
      .trimEnd(),
  );
}
