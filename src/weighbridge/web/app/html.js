// Preact with htm: markup as template literals, without a build step of its own.
import { h } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
