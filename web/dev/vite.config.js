// SPDX-License-Identifier: Apache-2.0
// The pages with made-up answers in place of a hub: `npm run try`, or built, with the hub's security policy, `npm run try-built`. No
// product build reads this folder.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fixtures } from './fixtures.js';

const headers = { 'Content-Security-Policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'" };

export default { plugins: [svelte(), fixtures()], preview: { headers } };
