/** The slot of every release of the workshop. */
export const slot = 'vibration';
