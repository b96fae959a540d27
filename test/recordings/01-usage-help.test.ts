import { replay } from './replay.ts';

replay({ recording: '01-usage-help', wordsAlone: true });
