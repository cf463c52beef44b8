// The first script: Python starts to load before the page has been read.
import { start } from './engine/start.js';

start();
