import assert from 'node:assert/strict';
import type { TlsMaterial } from '../../../../agent/adapters/mqtt/connection.js';
import { connect, listen, publish, text } from '../../../contract/transport.contract.js';
import { createAuthority, type Authority } from '../../../helpers/certificates.js';
import { startMosquitto, type Mosquitto } from '../../../helpers/mosquitto.js';
import { requires } from '../../../helpers/requires.js';
import { createTransport } from './broker-world.js';

describe('a transport over TLS', () => {
  let authority: Authority;
  let stranger: Authority;
  const brokers: Mosquitto[] = [];
  before(function () {
    requires(this, 'mosquitto');
    requires(this, 'openssl');
    authority = createAuthority();
    stranger = createAuthority();
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
  });
  after(() => {
    authority?.close();
    stranger?.close();
  });

  /** A broker with a certificate for these names; with `clients`, only for those that have one too. */
  const start = async (names: string, clients = false): Promise<string> => {
    const { cert, key } = authority.issue('broker', names);
    const settings = ['cafile ca.pem', 'certfile broker.pem', 'keyfile broker.key'];
    if (clients) settings.push('require_certificate true', 'use_identity_as_username true');
    const broker = await startMosquitto({
      config: (port) =>
        [`listener ${port} 127.0.0.1`, ...settings, 'allow_anonymous true', ''].join('\n'),
      files: { 'ca.pem': authority.ca, 'broker.pem': cert, 'broker.key': key },
    });
    brokers.push(broker);
    return `mqtts://127.0.0.1:${broker.port}`;
  };

  const outcomeOf = async (url: string, tls?: TlsMaterial): Promise<string> => {
    const transport = createTransport(url, { tls });
    const events = listen(transport);
    const outcome = await Promise.race([
      events.connected.next().then(({ protocol }) => `connected with ${protocol}`),
      events.disconnected.next().then(({ code }) => code),
    ]);
    await transport.close(1_000);
    return outcome;
  };

  it('connects where the authority is the right one, and publishes', async () => {
    const transport = createTransport(await start('IP:127.0.0.1'), { tls: { ca: authority.ca } });
    const { first } = await connect(transport);
    assert.equal(first.protocol, 5);
    const large = { ...text('large', ''), payload: new Uint8Array(120_000) };
    assert.ok((await publish(transport, large)).ok);
    await transport.close(1_000);
  });

  it('fails with one code whatever is wrong with the certificate of the broker', async () => {
    const url = await start('IP:127.0.0.1');
    assert.equal(await outcomeOf(url, { ca: stranger.ca }), 'tls-failed');
    assert.equal(await outcomeOf(url), 'tls-failed');
    const elsewhere = await start('IP:127.0.0.2,DNS:elsewhere.example');
    assert.equal(await outcomeOf(elsewhere, { ca: authority.ca }), 'tls-failed');
  });

  it('checks the name where the address is one', async () => {
    const named = (url: string): string => url.replace('127.0.0.1', 'localhost');
    const right = await start('DNS:localhost');
    assert.equal(await outcomeOf(named(right), { ca: authority.ca }), 'connected with 5');
    const wrong = await start('DNS:elsewhere.example');
    assert.equal(await outcomeOf(named(wrong), { ca: authority.ca }), 'tls-failed');
  });

  it('shows its own certificate where the broker wants one, and stays at version 5 where it has none', async () => {
    const url = await start('IP:127.0.0.1', true);
    const { ca } = authority;
    assert.equal(await outcomeOf(url, { ca, ...authority.issue('press-7') }), 'connected with 5');
    for (const material of [{ ca }, { ca, ...stranger.issue('press-7') }]) {
      const transport = createTransport(url, { tls: material });
      const { disconnected } = listen(transport);
      for (let attempt = 0; attempt < 3; attempt++) {
        assert.equal((await disconnected.next()).code, 'tls-failed');
      }
      await transport.close(0);
    }
  });

  it('fails with the same code where certificate or key are none, or do not belong together', async () => {
    const url = await start('IP:127.0.0.1');
    const { ca } = authority;
    const garbage = new TextEncoder().encode('no certificate\n');
    const [one, two] = [authority.issue('one'), authority.issue('two')];
    for (const material of [
      { ca, cert: garbage, key: one.key },
      { ca, cert: one.cert, key: garbage },
      { ca, cert: one.cert, key: two.key },
      { ca: garbage },
    ]) {
      assert.equal(await outcomeOf(url, material), 'tls-failed');
    }
  });
});
