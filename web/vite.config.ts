// SPDX-License-Identifier: Apache-2.0
// One page, no inlined files: the hub's Content-Security-Policy is `default-src 'self'`, which refuses data: addresses too.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, loadEnv } from 'vite';

export default defineConfig(({ mode }) => {
  // LUYTRE_HUB=https://127.0.0.1:8443 npm run dev: the pages of this folder on a hub that runs.
  const hub = loadEnv(mode, '.', 'LUYTRE_').LUYTRE_HUB;

  return {
    plugins: [svelte()],
    build: { assetsInlineLimit: 0, target: 'es2022', modulePreload: { polyfill: false }, reportCompressedSize: false },
    server: hub ? { proxy: { '/api': { target: hub, secure: false, changeOrigin: true } } } : {},
  };
});
