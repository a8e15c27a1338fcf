import { once } from 'node:events';
import net from 'node:net';

/** A TCP relay in front of a server: connections through it can be cut as networks do, without a word. */
export interface Relay {
  readonly port: number;
  /** Cuts the connections that stand; new ones are relayed as before. */
  cut(): void;
  /** Cuts all, and refuses new ones until `listen`. */
  refuse(): Promise<void>;
  listen(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a relay to a port of this machine. */
export async function startRelay(targetPort: number): Promise<Relay> {
  const pairs = new Set<readonly [net.Socket, net.Socket]>();
  const server = net.createServer((near) => {
    const far = net.connect(targetPort, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far).pipe(near);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', (hadError) => {
        // An orderly end goes through the pipes, after the last bytes.
        if (hadError) for (const each of pair) each.destroy();
        if (pair.every(({ destroyed }) => destroyed)) pairs.delete(pair);
      });
    }
  });
  const cut = (): void => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the relay has no port');
    return address.port;
  };
  const refuse = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    cut();
    await closed;
  };
  const port = await listen(0);
  return {
    port,
    cut,
    refuse,
    listen: async () => {
      await listen(port);
    },
    close: refuse,
  };
}
