import { destination, pino } from 'pino';
import type { Log } from '../ports/log.js';

/** Log events as JSON lines on standard error; standard output is for results. */
export function createPinoLog(deviceId: string): Log {
  const logger = pino(
    { base: { device: deviceId }, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    destination({ dest: 2, sync: true }),
  );
  return {
    info: (event, fields) => {
      logger.info(fields ?? {}, event);
    },
    warn: (event, fields) => {
      logger.warn(fields ?? {}, event);
    },
    error: (event, fields) => {
      logger.error(fields ?? {}, event);
    },
  };
}
