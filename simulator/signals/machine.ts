import type { Prng } from '../prng.js';
import { excitations, type Condition, type Excitation } from './condition.js';

/** Motion is sampled with the accelerometer's clock. */
const sampleRateHz = 1600;

/** The speed at which amplitudes in `condition.ts` hold. */
const referenceHz = 25;

/** Residual misalignment moves the shaft twice per turn. */
const residualTwoShare = 0.3;

/** The speed changes over tens of seconds: it is looked at every so many frames. */
const speedFrames = 64;

/** Where a number of the state of a machine is. The angle of the shaft is in turns, modulo 2 because of the motion at half its frequency. */
const places = { turn: 0, untilImpact: 1, response: 2, earlierResponse: 3 } as const;

/** A rotating machine: how its housing moves at the sensor, frame after frame, for as long as one likes. */
export class Machine {
  readonly #body: Body;
  readonly #impacts: Prng;
  /** The housing as a resonator of second order: y[n] = oscillation y[n-1] + decay y[n-2] + strike. */
  readonly #oscillation: number;
  readonly #decay: number;
  /** What a unit impact adds, so that the envelope of the response starts at 1. */
  readonly #strike: number;

  #condition: Condition = 'normal';
  #excitation: Excitation = excitations.normal;
  /** Amplitudes of the motion at 0.5, 1, 2 and 3 times the shaft frequency, and where it is cut off. */
  #half = 0;
  #one = 0;
  #two = 0;
  #three = 0;
  #truncation = Infinity;

  /** Frames until the speed is looked at again. */
  #untilSpeed = 0;
  /** Where the slow swing of the speed is, in its periods. */
  #swingPhase: number;
  #turnsPerFrame = 0;
  /** What changes with each frame: typed, because the engine would make a new number on its heap for each change of a field. */
  readonly #state = new Float64Array(4);

  /** @param moment draws where shaft, swing and impacts are; left out, they are where the body was drawn */
  constructor(condition: Condition, body: Prng, impacts: Prng, moment?: Prng) {
    this.#body = drawBody(body);
    this.#impacts = impacts;
    const angle = (2 * Math.PI * this.#body.resonanceHz) / sampleRateHz;
    const radius = Math.exp(-this.#body.dampingRatio * angle);
    this.#oscillation = 2 * radius * Math.cos(angle);
    this.#decay = -radius * radius;
    this.#strike = Math.sin(angle);
    this.#swingPhase = this.#body.swingStart;
    this.#state[places.turn] = this.#body.shaftStart;
    this.condition = condition;
    if (moment === undefined) return;
    this.#swingPhase = moment.uniform(0, 1);
    this.#state[places.turn] = moment.uniform(0, 2);
    this.#state[places.untilImpact] = moment.uniform(0, 1) / this.#excitation.impactsPerTurn;
  }

  get condition(): Condition {
    return this.#condition;
  }

  set condition(condition: Condition) {
    const excitation = excitations[condition];
    const { severity, residualG } = this.#body;
    this.#condition = condition;
    this.#excitation = excitation;
    this.#half = severity * excitation.halfG;
    this.#two = severity * excitation.twoG + residualTwoShare * residualG;
    this.#three = severity * excitation.threeG;
    this.#truncation = severity * excitation.truncationG;
    this.#state[places.untilImpact] = 1 / excitation.impactsPerTurn;
    this.#untilSpeed = 0;
  }

  /** Moves on by one frame. Writes horizontal, vertical and axial acceleration in g, without gravity. */
  next(motion: Float64Array): void {
    if (this.#untilSpeed === 0) this.#lookAtSpeed();
    this.#untilSpeed--;

    const body = this.#body;
    const turn = this.#state[places.turn] ?? 0;
    const angle = 2 * Math.PI * turn;
    const cosine = Math.cos(angle);
    const alongX =
      this.#half * Math.cos(angle / 2 + body.halfPhase) +
      this.#one * cosine +
      this.#two * Math.cos(2 * angle + body.twoPhase) +
      this.#three * Math.cos(3 * angle + body.threePhase);
    const alongY =
      this.#half * Math.sin(angle / 2 + body.halfPhase) +
      this.#one * Math.sin(angle) +
      this.#two * Math.sin(2 * angle + body.twoPhase) +
      this.#three * Math.sin(3 * angle + body.threePhase);
    const horizontal = Math.max(-this.#truncation, Math.min(this.#truncation, alongX));
    const vertical = Math.max(-this.#truncation, Math.min(this.#truncation, alongY));
    const ringing = this.#ring(cosine);

    motion[0] = horizontal + body.impactHorizontal * ringing;
    motion[1] = body.vertical * vertical + body.impactVertical * ringing;
    motion[2] = body.axial * (horizontal + ringing);

    const after = turn + this.#turnsPerFrame;
    this.#state[places.turn] = after >= 2 ? after - 2 : after;
  }

  /** The response of the housing to impacts; `cosine` of the shaft's angle stands for the turning load. */
  #ring(cosine: number): number {
    const state = this.#state;
    const untilImpact = (state[places.untilImpact] ?? 0) - this.#turnsPerFrame;
    state[places.untilImpact] = untilImpact;
    const strike = untilImpact <= 0 ? this.#strike * this.#impact(cosine) : 0;
    const before = state[places.response] ?? 0;
    const response =
      this.#oscillation * before + this.#decay * (state[places.earlierResponse] ?? 0) + strike;
    state[places.earlierResponse] = before;
    state[places.response] = response;
    return response;
  }

  /** The strength of the impact that is due; the next one is set. */
  #impact(cosine: number): number {
    const { impactsPerTurn, slip, impactG, impactSpread, loadModulation } = this.#excitation;
    const interval = (1 + slip * this.#impacts.noise()) / impactsPerTurn;
    this.#state[places.untilImpact] = (this.#state[places.untilImpact] ?? 0) + interval;
    const spread = Math.max(0, 1 + impactSpread * this.#impacts.noise());
    return this.#body.severity * impactG * spread * (1 + loadModulation * cosine);
  }

  /** Speed follows the load; the force of unbalanced mass follows the square of the speed. */
  #lookAtSpeed(): void {
    const { shaftHz, swing, swingPeriodS, severity, residualG } = this.#body;
    const speedHz = shaftHz * (1 + swing * Math.sin(2 * Math.PI * this.#swingPhase));
    this.#turnsPerFrame = speedHz / sampleRateHz;
    this.#one = (severity * this.#excitation.oneG + residualG) * (speedHz / referenceHz) ** 2;
    this.#swingPhase = (this.#swingPhase + speedFrames / (sampleRateHz * swingPeriodS)) % 1;
    this.#untilSpeed = speedFrames;
  }
}

/** What differs between machines and then stays. */
interface Body {
  readonly shaftHz: number;
  /** The load moves the speed: amplitude relative to the mean, period, and where in it the signal starts. */
  readonly swing: number;
  readonly swingPeriodS: number;
  readonly swingStart: number;
  /** Angle of the shaft at the start, turns. */
  readonly shaftStart: number;
  /** How far a fault has grown: 1 is the full excitation of its condition. */
  readonly severity: number;
  /** Imbalance that every machine has, at the reference speed. */
  readonly residualG: number;
  /** Vertical and axial amplitude relative to the horizontal one: supports are not equally stiff. */
  readonly vertical: number;
  readonly axial: number;
  /** Phases against the shaft of the motion at 0.5, 2 and 3 times its frequency, radians. */
  readonly halfPhase: number;
  readonly twoPhase: number;
  readonly threePhase: number;
  /** The mode of the housing that impacts excite. */
  readonly resonanceHz: number;
  readonly dampingRatio: number;
  /** Direction of impacts across the shaft, a unit vector. */
  readonly impactHorizontal: number;
  readonly impactVertical: number;
}

/** The order of the draws is part of the model: the Python twin keeps it. */
function drawBody(prng: Prng): Body {
  const drawn = {
    shaftHz: prng.uniform(22, 28),
    swing: prng.uniform(0.005, 0.02),
    swingPeriodS: prng.uniform(20, 60),
    swingStart: prng.uniform(0, 1),
    shaftStart: prng.uniform(0, 2),
    severity: prng.uniform(0.08, 1),
    residualG: prng.uniform(0.02, 0.06),
    vertical: prng.uniform(0.6, 1),
    axial: prng.uniform(0.05, 0.2),
    halfPhase: prng.uniform(0, 2 * Math.PI),
    twoPhase: prng.uniform(0, 2 * Math.PI),
    threePhase: prng.uniform(0, 2 * Math.PI),
    resonanceHz: prng.uniform(350, 550),
    dampingRatio: prng.uniform(0.03, 0.06),
  };
  const impactAngle = prng.uniform(-Math.PI / 4, Math.PI / 4);
  return {
    ...drawn,
    impactHorizontal: Math.sin(impactAngle),
    impactVertical: Math.cos(impactAngle),
  };
}
