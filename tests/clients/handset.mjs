// The phone that a text was sent to, as the simulation has it. Needs CELLPOST (the binary) and DATA (its data folder).
import { execFileSync } from 'node:child_process';

/** The newest text on the phone with that number; '' if it has none. */
export function newestText(number) {
  const asked = ['sim', 'handset', number, '--last', '--data-dir', process.env.DATA];
  try {
    return execFileSync(process.env.CELLPOST, asked, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).slice(0, -1);
  } catch {
    return '';
  }
}

/** Waits until the newest text of that phone fits the pattern. */
export async function textLike(number, pattern) {
  for (let tries = 0; tries < 100; tries++) {
    const found = newestText(number).match(pattern);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the phone ${number} has "${newestText(number)}", and nothing like ${pattern} came`);
}
