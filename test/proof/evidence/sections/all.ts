import type { Section } from '../section.js';
import { fleetSizes } from './fleet-sizes.js';
import { labelFreeSection } from './label-free.js';
import { liarsSection } from './liars.js';
import { lostAndLateSection } from './lost-and-late.js';
import { namingSection } from './naming.js';
import { populationSection } from './population.js';
import { promises } from './promises.js';
import { rampSection } from './ramp.js';
import { roundsSection } from './rounds.js';
import { strataSection } from './strata.js';

/** All that the page has, in its order. */
export const sections: readonly Section[] = [
  promises,
  fleetSizes,
  roundsSection,
  namingSection,
  liarsSection,
  rampSection,
  lostAndLateSection,
  strataSection,
  populationSection,
  labelFreeSection,
];
