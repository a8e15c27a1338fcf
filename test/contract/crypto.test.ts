import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { describeCrypto } from './crypto.contract.js';

describeCrypto('Node’s own library', createNodeCrypto());
