/** Lambda's own runtime client: to import it is to run it. Only a container image has it compiled. */
declare module 'aws-lambda-ric'
