// SPDX-License-Identifier: Apache-2.0
// Follows a bulk action of the hub to its end, by the stream and, should that be lost, by asking now and then.
import { get, type Schemas } from './api';
import { subscribe } from './live.svelte';

export type Operation = Schemas['Operation'];

export function follow(id: string, tell?: (operation: Operation) => void): Promise<Operation> {
  return new Promise((resolve, reject) => {
    let over = false, failures = 0;

    async function look() {
      if (over) return;
      try {
        const operation = await get('/operations/{operation}', { operation: id });
        failures = 0;
        tell?.(operation);
        if (operation.state !== 'running') end(() => resolve(operation));
      } catch (error) {
        if (++failures > 3) end(() => reject(error));
      }
    }
    function end(how: () => void) {
      if (over) return;
      over = true;
      stop();
      clearInterval(timer);
      how();
    }
    const stop = subscribe(['operations'], () => void look());
    const timer = setInterval(() => void look(), 1500);
    void look();
  });
}
