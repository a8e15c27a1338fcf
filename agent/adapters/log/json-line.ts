import { pino } from 'pino';
import type { FormatLine } from './line-log.js';

/** Log events as lines of JSON that begin with their level, a number as pino has it. */
export function createJsonFormat(deviceId: string): FormatLine {
  let line = '';
  const logger = pino(
    {
      base: { device: deviceId },
      level: 'debug',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
    },
    {
      // Called before the logger returns.
      write(written) {
        line = written.trimEnd();
      },
    },
  );
  return (level, event, fields) => {
    logger[level](fields, event);
    return line;
  };
}
