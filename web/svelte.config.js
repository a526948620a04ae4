// SPDX-License-Identifier: Apache-2.0
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess({ style: false }),
  // A dialog or a page takes its first values from its properties on purpose: it is made anew for another object.
  compilerOptions: { warningFilter: (warning) => warning.code !== 'state_referenced_locally' },
};
