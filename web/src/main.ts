// SPDX-License-Identifier: Apache-2.0
import { mount } from 'svelte';
import 'uplot/dist/uPlot.min.css';
import './style/fonts.css';
import './style/base.css';
import App from './App.svelte';

mount(App, { target: document.getElementById('app')! });
