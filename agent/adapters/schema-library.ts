/** The one door of the library that describes and checks files which people write and edit. */
export * as v from 'valibot';
